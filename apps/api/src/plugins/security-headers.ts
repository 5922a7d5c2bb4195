import fp from "fastify-plugin";

interface SecurityHeadersOptions {
  stripeJsUrl: string;
  isSimulator: boolean;
  isHttps: boolean;
}

/**
 * Headers of every answer. The page may run our own scripts and Stripe's (on the simulator, its stand-in's), and
 * nothing inline; the docs' page relaxes this for itself. Data is no page, and needs no more than to say so.
 */
export const securityHeadersPlugin = fp<SecurityHeadersOptions>(async (app, options) => {
  const ofData = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    ...(options.isHttps && { "strict-transport-security": "max-age=31536000" }),
  };
  const ofPages = {
    ...ofData,
    "content-security-policy": contentSecurityPolicy(options),
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin-allow-popups",
  };
  app.addHook("onRequest", (request, reply, done) => {
    void reply.headers(request.routeOptions.config.access === undefined ? ofPages : ofData);
    done();
  });
});

function contentSecurityPolicy({ stripeJsUrl, isSimulator }: SecurityHeadersOptions): string {
  const js = new URL(stripeJsUrl).origin;
  // https://docs.stripe.com/security/guide#content-security-policy
  const stripe = isSimulator
    ? { script: [js], frame: [js], connect: [js], img: [js] }
    : {
        script: [js, "https://*.js.stripe.com"],
        frame: [js, "https://*.js.stripe.com", "https://hooks.stripe.com"],
        connect: ["https://api.stripe.com", js],
        img: ["https://*.stripe.com"],
      };
  return [
    "default-src 'none'",
    `script-src 'self' ${stripe.script.join(" ")}`,
    `connect-src 'self' ${stripe.connect.join(" ")}`,
    `frame-src ${stripe.frame.join(" ")}`,
    `img-src 'self' data: ${stripe.img.join(" ")}`,
    // Elements and chart libraries set style attributes.
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self' data:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
