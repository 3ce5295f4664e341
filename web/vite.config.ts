import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The server to develop against: `go run ./cmd/parley` beside `npm run dev`.
const server = process.env['PARLEY'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // The Content-Security-Policy knows neither data: nor inline, so every asset stays a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    // changeOrigin keeps Host and Origin the same for the server, which checks both.
    proxy: {
      '/ws': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true },
      '/socket.io': { target: server, changeOrigin: true, headers: { origin: server } },
      '/api': { target: server, changeOrigin: true, headers: { origin: server } },
    },
  },
});
