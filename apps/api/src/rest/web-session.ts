import { AppConfigDto, DemoSessionBody, DemoSessionDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

interface Deps {
  appConfig: AppConfigDto;
  /** Null in every mode but the simulator's: the route is not there then. */
  createDemoSession: ((token: string) => Promise<DemoSessionDto>) | null;
}

/** What the front end asks before anybody is signed in. */
export const webSessionRoutes =
  ({ appConfig, createDemoSession }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "public" } as const;
    app.get(
      "/app-config.json",
      {
        config,
        schema: {
          tags: ["front end"],
          summary: "What the front end starts with",
          response: { 200: AppConfigDto },
        },
      },
      async () => appConfig,
    );
    if (createDemoSession === null) return;
    app.post(
      "/auth/demo-session",
      {
        config,
        schema: {
          tags: ["front end"],
          summary: "Sign in with the one-time token of npm start",
          description: "On the simulator only.",
          body: DemoSessionBody,
          response: { 200: DemoSessionDto },
        },
      },
      (request) => createDemoSession(request.body.token),
    );
  };
