// Every rule of graphql-eslint about schemas, but for those in OFF, with the reason.
import { parser, rules } from "@graphql-eslint/eslint-plugin";

const OFF = {
  "alphabetize": "the schema is printed in graphql-core's natural order, where _ comes elsewhere",
  "no-root-type": "says which root types a schema may not have; queries and mutations are wanted",
  "no-unused-fields": "the schema serves partners whose documents aren't in this repository",
  "require-field-of-type-query-in-mutation-result": "clients refetch by node(id:), as Relay does",
  "require-nullable-result-in-root": "a mutation answers a Refusal where others answer null",
  "strict-id-in-types": "what is a Node has an id; payloads, pages and values have none",
};

const OPTIONS = {
  "description-style": { style: "block" },
  "naming-convention": {
    types: "PascalCase",
    FieldDefinition: "camelCase",
    InputValueDefinition: "camelCase",
    DirectiveDefinition: "camelCase",
    EnumValueDefinition: "UPPER_CASE",
    "FieldDefinition[parent.name.value=Query]": { forbiddenPrefixes: ["get", "list", "query"] },
  },
  // Connections have `nodes` beside `edges`, and a few lists can't grow.
  "relay-edge-types": {
    withEdgeSuffix: true,
    shouldImplementNode: true,
    listTypeCanWrapOnlyEdgeType: false,
  },
  "require-description": {
    types: true,
    rootField: true,
    DirectiveDefinition: true,
    EnumValueDefinition: true,
    FieldDefinition: true,
    InputValueDefinition: true,
  },
};

const ours = Object.keys(rules).filter(
  (name) => [rules[name].meta.docs.category].flat().includes("Schema") && !(name in OFF),
);

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: {
      parser,
      parserOptions: { graphQLConfig: { schema: "schema.graphql" } },
    },
    plugins: { graphql: { rules } },
    rules: Object.fromEntries(
      ours.map((name) => [`graphql/${name}`, ["error", ...[OPTIONS[name] ?? []].flat()]]),
    ),
  },
];
