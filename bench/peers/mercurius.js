// Mercurius with graphql-jit: SQL by hand, loaders for what is nested, statements prepared by name.
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
const ask = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  type Platform { domain: String! name: String }
  type Appeal { id: ID! state: String! outcome: String }
  type Appeals { nodes: [Appeal!]! }
  type Sanction {
    id: ID! measure: String! category: String! validity: String! issuedAt: String!
    effectiveAt: String! expiresAt: String endsAt: String
    platform: Platform! appeals(first: Int!): Appeals!
  }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Sanctions { nodes: [Sanction!]! pageInfo: PageInfo! }
  type Status { isSuspended: Boolean! isPermanent: Boolean! until: String sanctions: [Sanction!]! }
  type Query {
    suspensionStatus(key: String!): Status!
    suspensionStatuses(keys: [String!]!): [Status!]!
    sanctions(measure: String!, first: Int!): Sanctions!
  }
  input SanctionInput {
    issuerReference: String! subject: String! subjectKey: String! measure: String! ground: String!
    groundReference: String! category: String! reason: String! isAutomatedDetection: Boolean!
    automation: String! source: String! conductFrom: String! expiresAt: String!
  }
  type Issued { id: ID! }
  type Mutation {
    issueSanctions(platformId: ID!, sanctions: [SanctionInput!]!): [Issued!]!
  }
`;

// As text with six digits: JavaScript's dates have three.
const instant = (column) =>
  `to_char(s.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const columns = `s.id, s.measure, s.category, s.validity, s.platform_id as "platformId",
  ${instant("issued_at")} as "issuedAt", ${instant("effective_at")} as "effectiveAt",
  ${instant("expires_at")} as "expiresAt", ${instant("ends_at")} as "endsAt"`;
const held = `from subject_keys k join sanctions s on s.id = k.sanction_id
  where s.measure in ('ACCOUNT_SUSPENDED', 'ACCOUNT_TERMINATED', 'SERVER_SUSPENDED')
  and s.is_binding and s.starts_at <= now() and (s.ends_at is null or s.ends_at > now())`;
const order = "order by s.ends_at is not null, s.ends_at desc, s.id";

const status = (sanctions) => {
  const isPermanent = sanctions.some((one) => one.endsAt === null);
  const until = isPermanent || !sanctions.length ? null : sanctions[0].endsAt;
  return { isSuspended: sanctions.length > 0, isPermanent, until, sanctions };
};

const resolvers = {
  Query: {
    suspensionStatus: async (_, { key }) =>
      status(await ask("status", `select ${columns} ${held} and k.key = $1 ${order}`, [key])),
    suspensionStatuses: async (_, { keys }) => {
      const text = `select k.key, ${columns} ${held} and k.key = any($1) ${order}`;
      const found = Map.groupBy(await ask("statuses", text, [keys]), (row) => row.key);
      return keys.map((key) => status(found.get(key) ?? []));
    },
    sanctions: async (_, { measure, first }) => {
      const text = `select ${columns} from sanctions s where s.measure = $1
        order by s.issued_at desc, s.id desc limit $2`;
      const rows = await ask("sanctions", text, [measure, first + 1]);
      const nodes = rows.slice(0, first);
      const last = nodes.at(-1);
      const endCursor = last ? `Sanction~${last.issuedAt}~${last.id}` : null;
      return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor } };
    },
  },
  // By the statement that PostGraphile has, which is as fast as SQL gets.
  Mutation: {
    issueSanctions: async (_, { platformId, sanctions }) => {
      const values = [platformId, JSON.stringify(sanctions)];
      const [{ ids }] = await ask("issue", "select issue_batch($1, $2) as ids", values);
      return ids.map((id) => ({ id }));
    },
  },
};

const loaders = {
  Sanction: {
    platform: {
      opts: { cache: false },
      loader: async (queries) => {
        const ids = [...new Set(queries.map(({ obj }) => obj.platformId))];
        const text = "select id, domain, name from platforms where id = any($1)";
        const found = new Map((await ask("platforms", text, [ids])).map((row) => [row.id, row]));
        return queries.map(({ obj }) => found.get(obj.platformId));
      },
    },
    appeals: {
      opts: { cache: false },
      loader: async (queries) => {
        const ids = queries.map(({ obj }) => obj.id);
        const text = `select a.* from unnest($1::text[]) i cross join lateral (select sanction_id,
          id, state, outcome from appeals where sanction_id = i order by filed_at, id limit $2) a`;
        const rows = await ask("appeals", text, [ids, queries[0].params.first]);
        const found = Map.groupBy(rows, (row) => row.sanction_id);
        return ids.map((id) => ({ nodes: found.get(id) ?? [] }));
      },
    },
  },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
