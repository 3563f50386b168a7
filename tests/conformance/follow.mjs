// Follows the feed by two clients of others, from the beginning and then from a cursor on.
import { createClient as overEvents } from 'graphql-sse'
import { createClient as overSocket } from 'graphql-ws'
import WebSocket from 'ws'

const [address, token] = process.argv.slice(2)
const url = `${address}/graphql`
const headers = { Authorization: `Bearer ${token}` }
const query = 'subscription ($after: Cursor) { events(after: $after) { cursor type subject } }'
const clients = {
  'graphql-ws': overSocket({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: headers,
  }),
  'graphql-sse': overEvents({ url, headers }),
}

async function taken(client, count, after) {
  const events = []
  for await (const { data, errors } of client.iterate({ query, variables: { after } })) {
    if (errors) throw new Error(JSON.stringify(errors))
    events.push(data.events)
    if (events.length === count) break
  }
  return events
}

for (const [name, client] of Object.entries(clients)) {
  const first = await taken(client, 5, null)
  const rest = await taken(client, 3, first[1].cursor)
  console.log(JSON.stringify({ name, first, rest }))
  client.dispose()
}
