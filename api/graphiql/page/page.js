// GraphiQL with examples as tabs and an Authorization header to complete.

// Menus add a style element; the Content-Security-Policy allows it by this page's nonce.
globalThis.__webpack_nonce__ = document.currentScript.nonce;

const HEADERS = JSON.stringify({ Authorization: "Bearer …" }, null, 2);

async function ask(request, { headers = {} } = {}) {
  // Until it is completed, the header is left out: the public may ask, too.
  const given = Object.entries(headers).filter(([, value]) => !String(value).includes("…"));
  const response = await fetch("/graphql", {
    method: "POST",
    credentials: "omit",
    headers: {
      Accept: "application/graphql-response+json",
      "Content-Type": "application/json",
      ...Object.fromEntries(given),
    },
    body: JSON.stringify(request),
  });
  return response.json();
}

const tabs = EXAMPLES.map(({ query, variables }) => ({
  query,
  variables: variables && JSON.stringify(variables, null, 2),
  headers: HEADERS,
}));

// A page's "as GraphQL" leads here with what it asked after the #, which no server sees.
const asked = new URLSearchParams(location.hash.slice(1));
if (asked.has("query")) {
  tabs.unshift({ query: asked.get("query"), variables: asked.get("variables"), headers: HEADERS });
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: ask,
    defaultTabs: tabs,
    variables: asked.get("variables") ?? undefined, // it takes none from the first tab
    defaultHeaders: HEADERS,
    defaultEditorToolsVisibility: "headers",
    // Tokens, appeal secrets and accounts are typed here: nothing outlives the page. Without this
    // the history would keep headers in the browser's storage.
    storage: null,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
