"""The bundled sandbox: a CRM and survey platforms that speak HTTP like the real thing."""
