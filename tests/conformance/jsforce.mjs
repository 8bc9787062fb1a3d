// One thing that jsforce does to an org, by name; what came of it goes out as JSON.
import { text } from "node:stream/consumers";
import jsforce from "jsforce";

const { topic, url, token, ...given } = JSON.parse(await text(process.stdin));
const conn = new jsforce.Connection({
  instanceUrl: url,
  accessToken: token,
  version: "66.0",
  oauth2: given.clientId && {
    loginUrl: url,
    clientId: given.clientId,
    clientSecret: given.clientSecret,
    redirectUri: given.redirectUri,
    useVerifier: true,
  },
});

async function outcome(promise) {
  try {
    return await promise;
  } catch (error) {
    return { name: error.name, code: error.errorCode, message: error.message };
  }
}

async function collected(stream) {
  const rows = [];
  for await (const row of stream) rows.push(row);
  return rows;
}

const topics = {
  page: () => conn.query(given.soql),
  every: () => conn.query(given.soql, { autoFetch: true, maxFetch: 100_000, ...given.options }),
  refused: () => outcome(conn.query(given.soql)),
  describe: () => conn.describe(given.object),
  objects: () => conn.describeGlobal(),
  limits: async () => ({ limits: await conn.limits(), usage: conn.limitInfo }),
  identity: () => conn.identity(),
  retrieve: () => conn.sobject(given.object).retrieve(given.ids),
  create: () => conn.sobject(given.object).create(given.records, { allowRecursive: true }),
  update: () => conn.sobject(given.object).update(given.records, { allowRecursive: true }),
  upsert: () => conn.sobject(given.object).upsert(given.records, given.key),
  destroy: () => conn.sobject(given.object).destroy(given.ids),
  composite: () => conn.requestPost("/composite", given.body),
  bulkQuery: async () => {
    conn.bulk2.pollInterval = 50;
    return collected(await conn.bulk2.query(given.soql, given.options));
  },
  bulkWrite: () =>
    conn.bulk2.loadAndWaitForResults({
      object: given.object,
      operation: given.operation,
      externalIdFieldName: given.key,
      input: given.records,
      pollInterval: 50,
    }),
  authorize: async () => {
    await conn.authorize({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: given.assertion,
    });
    return conn.identity();
  },
  code: async () => {
    const way = conn.oauth2.getAuthorizationUrl({ scope: "api refresh_token id" });
    const back = await fetch(way, { redirect: "manual" });
    await conn.authorize(new URL(back.headers.get("location")).searchParams.get("code"));
    const renewed = [];
    conn.on("refresh", (fresh) => renewed.push(fresh));
    await fetch(`${url}/_sandbox/expire-tokens`, { method: "POST" });
    const found = await conn.query("SELECT Id FROM Organization");
    return { orgs: found.totalSize, renewed: renewed.length };
  },
  metadata: async () => ({
    types: (await conn.metadata.describe()).metadataObjects.map((each) => each.xmlName),
    fields: await conn.metadata.list([{ type: "CustomField" }]),
    field: await conn.metadata.read("CustomField", given.field),
  }),
  deploy: async () => {
    conn.metadata.pollInterval = 50;
    const zip = Buffer.from(given.zip, "base64");
    const begun = given.rest
      ? conn.metadata.deployRest(zip, given.options)
      : conn.metadata.deploy(zip, given.options);
    return begun.complete(true);
  },
  tooling: () => conn.tooling.query(given.soql),
};

process.stdout.write(JSON.stringify(await topics[topic]()));
