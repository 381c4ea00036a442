// Writes one whole turn, token by token. Needs nothing but Node.
//
//   node producer.mjs chat:42 t81        (REDIS_HOST, REDIS_PORT)
//
// '0-*' lets Redis number the entries 0-1, 0-2, …: the epoch that needs no lease.
import net from 'node:net'

const [channel, turn] = process.argv.slice(2)
const key = `karez:{app/${channel}}:turn:${turn}`
const timeline = `karez:{app/${channel}}:timeline`

const redis = net.connect(Number(process.env.REDIS_PORT ?? 6379), process.env.REDIS_HOST ?? '127.0.0.1')
const waiting = [] // of [resolve, reject], oldest first
let rest = ''
redis.on('error', (err) => { throw err })
redis.on('data', (chunk) => {
  // All our answers are ids, numbers or errors: short lines.
  const lines = (rest + chunk).split('\r\n')
  rest = lines.pop()
  for (const line of lines) {
    if (line[0] === '$') continue // the length of the id that follows
    const [resolve, reject] = waiting.shift()
    if (line[0] === '-') reject(new Error(line.slice(1))) // refused: someone closed the turn
    else resolve(line)
  }
})

function say(...args) {
  const words = args.map((a) => `$${Buffer.byteLength(a)}\r\n${a}\r\n`)
  redis.write(`*${args.length}\r\n${words.join('')}`)
  return new Promise((resolve, reject) => waiting.push([resolve, reject]))
}

await say('XADD', timeline, '0-*', 'turn', JSON.stringify({ turn }))
await say('XADD', key, '0-*', 'prompt', JSON.stringify({ text: 'Say hello' }), 'v', '1')

for (const token of ['Hel', 'lo ', 'from ', 'Node ', '🌊']) {
  await say('XADD', key, '0-*', 'text', token)
}

await say('XADD', key, '0-*', 'end', JSON.stringify({ reason: 'stop' }))
await say('EXPIRE', key, '2592000')
await say('XADD', timeline, '0-*', 'turn_end', JSON.stringify({ turn, state: 'completed' }))
redis.end()
