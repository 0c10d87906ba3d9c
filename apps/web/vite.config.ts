import optimizeLocales from "@react-aria/optimize-locales-plugin";
import { reactRouter } from "@react-router/dev/vite";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

const client = new URL("../../packages/client/src", import.meta.url).pathname;
const app = new URL("./app", import.meta.url).pathname;

export default defineConfig({
  plugins: [
    // Of the texts for screen readers only the English ones: a third of the components' size otherwise.
    { ...optimizeLocales.vite({ locales: ["en-US"] }), enforce: "pre" },
    tailwindcss(),
    reactRouter(),
  ],
  resolve: {
    alias: { "~": app, "@synergy/client/client": `${client}/client/index.ts`, "@synergy/client": `${client}/index.ts` },
  },
  // Bundled, so that the server loads what is used of them and not everything: a third of its memory otherwise.
  ssr: { noExternal: [/^(lucide-react|react-aria|react-aria-components|react-stately|@internationalized\/.*)$/] },
  build: { cssTarget: ["chrome125", "firefox128", "safari18"], assetsDir: "static", assetsInlineLimit: 0 },
});
