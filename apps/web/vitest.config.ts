import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: {
      "~": new URL("./app", import.meta.url).pathname,
      "@synergy/client/client": new URL("../../packages/client/src/client/index.ts", import.meta.url).pathname,
      "@synergy/client": new URL("../../packages/client/src/index.ts", import.meta.url).pathname,
    },
  },
  test: { environment: "happy-dom", include: ["app/**/*.test.{ts,tsx}", "server/**/*.test.mjs"] },
});
