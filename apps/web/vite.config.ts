import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const gateway = process.env["API_URL"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  plugins: [react()],
  build: { sourcemap: true },
  // `vite` alone serves the sources and leaves the rest to a gateway that runs.
  server: {
    proxy: Object.fromEntries(
      ["/trpc", "/auth", "/app-config.json"].map((path) => [path, { target: gateway, changeOrigin: true }]),
    ),
  },
});
