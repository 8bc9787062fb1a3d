// One thing that HubSpot's own client does to an account, by name; what came of it goes out as JSON.
import { text } from "node:stream/consumers";
import { Client } from "@hubspot/api-client";

const { topic, url, token, ...given } = JSON.parse(await text(process.stdin));
const client = new Client({
  accessToken: token,
  basePath: url,
  numberOfApiCallRetries: given.retries ?? 0,
});
const { crm, oauth } = client;
const { companies } = crm;

async function refused(promise) {
  try {
    return { answer: (await promise) ?? null };
  } catch (error) {
    return { name: error.constructor.name, code: error.code, message: error.message, body: error.body };
  }
}

const topics = {
  page: () => companies.basicApi.getPage(given.limit, given.after, given.properties, undefined, given.associations),
  every: () => companies.getAll(given.limit, undefined, ["name"]),
  one: () => companies.basicApi.getById(given.id, undefined, given.history),
  search: () => companies.searchApi.doSearch(given.request),
  searches: () => Promise.all([1, 2].map(() => companies.searchApi.doSearch(given.request))),
  read: () => companies.batchApi.read(given.request),
  update: () => companies.batchApi.update(given.request),
  upsert: () => companies.batchApi.upsert(given.request),
  create: () => companies.batchApi.create(given.request),
  merge: () => companies.basicApi.merge(given.request),
  archive: () => companies.batchApi.archive(given.request),
  associations: () => crm.associations.v4.batchApi.getPage(given.from, given.to, { inputs: given.inputs }),
  associate: () => crm.associations.v4.basicApi.createDefault(given.from, given.id, given.to, given.other),
  labels: () => crm.associations.v4.schema.definitionsApi.getAll(given.from, given.to),
  properties: () => crm.properties.coreApi.getAll("companies"),
  property: () => crm.properties.coreApi.create("companies", given.request),
  change: () => crm.properties.coreApi.update("companies", given.name, given.request),
  propertyBatch: () => crm.properties.batchApi.create("companies", { inputs: given.inputs }),
  groups: () => crm.properties.groupsApi.getAll("companies"),
  group: () => crm.properties.groupsApi.create("companies", given.request),
  pipelines: () => crm.pipelines.pipelinesApi.getAll(given.object),
  owners: () => crm.owners.ownersApi.getPage(undefined, given.after, given.limit),
  list: async () => {
    const { list } = await crm.lists.listsApi.create(given.request);
    const byName = await crm.lists.listsApi.getByName(list.name, list.objectTypeId, true);
    const members = await crm.lists.membershipsApi.getPage(list.listId);
    return { list, byName: byName.list, members: members.results };
  },
  import: async () => {
    const file = { data: Buffer.from(given.csv), name: "changes.csv" };
    const begun = await crm.imports.coreApi.create(file, JSON.stringify(given.request));
    let now = begun;
    while (!["DONE", "FAILED", "CANCELED"].includes(now.state)) {
      now = await crm.imports.coreApi.getById(Number(begun.id));
    }
    const errors = await crm.imports.publicImportsApi.getErrors(Number(begun.id));
    const known = await crm.imports.coreApi.getPage();
    return { begun, ended: now, errors: errors.results, known: known.results };
  },
  export: async () => {
    // `publicExportsApi.start` of 14.0.1 fails over its own union of requests before it sends one.
    const path = "/crm/v3/exports/export/async";
    const { id } = await (await client.apiRequest({ method: "POST", path, body: given.request })).json();
    let now;
    do now = await crm.exports.publicExportsApi.getStatus(Number(id));
    while (now.status !== "COMPLETE" && now.status !== "CANCELED");
    return { status: now.status, file: await (await fetch(now.result)).text() };
  },
  code: async () => {
    const way = new URL(oauth.getAuthorizationUrl(given.clientId, given.redirectUri, given.scope));
    const back = await fetch(given.authorizeUrl + way.search, { redirect: "manual" });
    const code = new URL(back.headers.get("location")).searchParams.get("code");
    const keys = [given.redirectUri, given.clientId, given.clientSecret];
    const first = await oauth.tokensApi.create("authorization_code", code, ...keys);
    const second = await oauth.tokensApi.create("refresh_token", undefined, ...keys, first.refreshToken);
    client.setAccessToken(second.accessToken);
    const page = await client.crm.companies.basicApi.getPage(1);
    const about = await client.oauth.accessTokensApi.get(second.accessToken);
    return { first, second, companies: page.results.length, about };
  },
};

process.stdout.write(JSON.stringify(await refused(topics[topic]())));
