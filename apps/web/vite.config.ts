import { reactRouter } from "@react-router/dev/vite";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

const client = new URL("../../packages/client/src/index.ts", import.meta.url).pathname;
const app = new URL("./app", import.meta.url).pathname;

export default defineConfig({
  plugins: [tailwindcss(), reactRouter()],
  resolve: { alias: { "~": app, "@synergy/client": client } },
  build: { cssTarget: ["chrome125", "firefox128", "safari18"], assetsInlineLimit: 0 },
});
