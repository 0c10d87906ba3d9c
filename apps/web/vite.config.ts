import { reactRouter } from "@react-router/dev/vite";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

const client = new URL("../../packages/client/src", import.meta.url).pathname;
const app = new URL("./app", import.meta.url).pathname;

export default defineConfig({
  plugins: [tailwindcss(), reactRouter()],
  resolve: {
    alias: { "~": app, "@synergy/client/client": `${client}/client/index.ts`, "@synergy/client": `${client}/index.ts` },
  },
  build: { cssTarget: ["chrome125", "firefox128", "safari18"], assetsInlineLimit: 0 },
});
