import { defineConfig } from "vite";

// The panel: an HTML page with hashed assets, served under /widget/ with a strict content security policy.
export default defineConfig({
  base: "/widget/",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { input: "index.html" },
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
} as Parameters<typeof defineConfig>[0]);
