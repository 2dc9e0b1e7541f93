import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { fileURLToPath } from 'node:url';
import { gzipFiles } from './gzip-files.ts';
import { themeCss } from './theme-css.ts';

/** From where the API serves the console. */
const FOLDER = fileURLToPath(new URL('../dist/web', import.meta.url));

/** Where `npm run dev` of this workspace finds the API. */
const API_URL = process.env.PULSE_API_URL ?? 'http://127.0.0.1:3000';

export default defineConfig({
  base: '/console/',
  plugins: [react(), themeCss(), gzipFiles(FOLDER)],
  build: {
    outDir: FOLDER,
    emptyOutDir: true,
    // The page's policy forbids inline files, and `data:` is for images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_000,
    manifest: 'manifest.json',
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': API_URL } },
});
