import { defineConfig } from "vite";

// The loader: one small classic script that a shop's page includes with `async`.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "dist",
    emptyOutDir: false,
    target: "es2020",
    lib: { entry: "src/loader/loader.ts", formats: ["iife"], name: "YitiLoader", fileName: () => "loader.js" },
  },
});
