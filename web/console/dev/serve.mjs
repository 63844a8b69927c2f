/** Serves a built console with the mock server on a free port and prints its address; for page tests. */
import { preview } from 'vite'

const outDir = process.argv[2] ?? 'dist'
const server = await preview({ build: { outDir }, preview: { host: '127.0.0.1', port: 0 }, logLevel: 'error' })
const { port } = server.httpServer.address()
process.stdout.write(`http://127.0.0.1:${port}\n`)
process.stdin.on('end', () => process.exit(0)).resume()
