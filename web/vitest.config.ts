import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    // A machine that is busy with other things takes its time: only what fails waits so long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
