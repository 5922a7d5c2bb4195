// A stub of window.Stripe for the simulator: a Payment Element that is a plain card form, and the calls that a page
// makes with a client secret. It talks to the simulator that served it.
(() => {
  const origin = new URL(document.currentScript.src).origin;

  class PaymentElement {
    #listeners = new Map();
    #root = null;
    #fields = {};

    on(event, listener) {
      this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
      return this;
    }
    once(event, listener) {
      const wrapped = (payload) => {
        this.off(event, wrapped);
        listener(payload);
      };
      return this.on(event, wrapped);
    }
    off(event, listener) {
      const kept = (this.#listeners.get(event) ?? []).filter(
        (each) => listener !== undefined && each !== listener,
      );
      this.#listeners.set(event, kept);
      return this;
    }
    #emit(event, payload = {}) {
      for (const listener of this.#listeners.get(event) ?? [])
        listener({ elementType: "payment", ...payload });
    }

    mount(target) {
      const parent = typeof target === "string" ? document.querySelector(target) : target;
      if (parent === null) throw new Error(`Stripe: there is no element ${target} to mount on`);
      this.#root = document.createElement("div");
      this.#root.style.cssText = "display:grid;gap:0.75rem;grid-template-columns:1fr 1fr;font:inherit";
      this.#fields = {
        number: this.#field("Card number", "cc-number", "1234 1234 1234 1234", true),
        expiry: this.#field("Expiration date", "cc-exp", "MM / YY", false),
        cvc: this.#field("Security code", "cc-csc", "CVC", false),
      };
      parent.replaceChildren(this.#root);
      queueMicrotask(() => this.#emit("ready"));
    }
    #field(text, autocomplete, placeholder, isWide) {
      const label = document.createElement("label");
      label.style.cssText = `display:grid;gap:0.25rem;font-size:0.9em${isWide ? ";grid-column:1/-1" : ""}`;
      const input = document.createElement("input");
      input.autocomplete = autocomplete;
      input.inputMode = "numeric";
      input.placeholder = placeholder;
      input.style.cssText =
        "font:inherit;width:100%;box-sizing:border-box;padding:0.6rem 0.75rem;border:1px solid #8a94a6;border-radius:0.4rem;background:transparent;color:inherit";
      input.addEventListener("input", () => this.#changed());
      input.addEventListener("focus", () => this.#emit("focus"));
      input.addEventListener("blur", () => this.#emit("blur"));
      label.append(text, input);
      this.#root.append(label);
      return input;
    }
    #changed() {
      const values = Object.values(this.#fields).map(({ value }) => value.trim());
      const state = {
        complete: values.every(Boolean),
        empty: values.every((value) => value === ""),
        collapsed: false,
      };
      this.#emit("change", { ...state, value: { type: "card" } });
    }

    /** The card as the API takes it, or null and a message where a field is empty. */
    read() {
      const { number, expiry, cvc } = this.#fields;
      if (!number?.value.trim()) return { card: null, message: "Your card number is incomplete." };
      const [month, year] = (expiry.value.match(/\d+/g) ?? []).map(Number);
      if (!month || year === undefined)
        return { card: null, message: "Your card's expiration date is incomplete." };
      if (!cvc.value.trim()) return { card: null, message: "Your card's security code is incomplete." };
      const fullYear = year < 100 ? 2000 + year : year;
      return {
        card: {
          number: number.value.replace(/\s/g, ""),
          exp_month: month,
          exp_year: fullYear,
          cvc: cvc.value.trim(),
        },
      };
    }

    update() {}
    focus() {
      this.#fields.number?.focus();
    }
    blur() {
      document.activeElement?.blur();
    }
    clear() {
      for (const field of Object.values(this.#fields)) field.value = "";
      this.#changed();
    }
    collapse() {}
    unmount() {
      this.#root?.remove();
      this.#root = null;
    }
    destroy() {
      this.unmount();
      this.#listeners.clear();
    }
  }

  const createElements = (options = {}) => {
    const made = new Map();
    return {
      options,
      create(type) {
        if (type !== "payment" && type !== "card")
          throw new Error(`Stripe: the simulator's stub has no ${type} Element`);
        const element = new PaymentElement();
        made.set(type, element);
        return element;
      },
      getElement: (type) => made.get(typeof type === "string" ? type : "payment") ?? null,
      update: (change) => Object.assign(options, change),
      fetchUpdates: async () => ({}),
      async submit() {
        const { card, message } = (made.get("payment") ?? made.get("card"))?.read() ?? {
          message: "There is no card form.",
        };
        return card ? {} : { error: { type: "validation_error", message } };
      },
      on() {},
      off() {},
    };
  };

  const createStripe = (key) => {
    if (typeof key !== "string" || !key.startsWith("pk_test_"))
      throw new Error("Stripe: pass a publishable test key (pk_test_…)");

    const call = async (method, path, params) => {
      const form = new URLSearchParams();
      const put = (name, value) => {
        if (typeof value === "object" && value !== null)
          for (const [inner, each] of Object.entries(value))
            put(name === "" ? inner : `${name}[${inner}]`, each);
        else if (value !== undefined && value !== null) form.append(name, String(value));
      };
      put("", params);
      const url = `${origin}/v1/${path}${method === "GET" ? `?${form}` : ""}`;
      try {
        const response = await fetch(url, {
          method,
          headers: { authorization: `Bearer ${key}` },
          ...(method === "GET" ? {} : { body: form }),
        });
        return await response.json();
      } catch {
        return { error: { type: "api_connection_error", message: "The simulator cannot be reached." } };
      }
    };
    const kinds = { seti: ["setup_intents", "setupIntent"], pi: ["payment_intents", "paymentIntent"] };
    const idOf = (clientSecret) => {
      const id = String(clientSecret).split("_secret_")[0];
      const kind = kinds[id.split("_")[0]];
      if (kind === undefined)
        throw new Error("Stripe: this is not the client secret of a SetupIntent or PaymentIntent");
      return { id, collection: kind[0], name: kind[1] };
    };
    const retrieve = async (clientSecret) => {
      const { id, collection, name } = idOf(clientSecret);
      const body = await call("GET", `${collection}/${id}`, { client_secret: clientSecret });
      return body.error ? { error: body.error } : { [name]: body };
    };
    const confirm = async (clientSecret, params, redirect) => {
      const { id, collection, name } = idOf(clientSecret);
      const body = await call("POST", `${collection}/${id}/confirm`, {
        client_secret: clientSecret,
        ...params,
      });
      if (body.error) return { error: body.error };
      const challenge =
        body.status === "requires_action" ? body.next_action?.redirect_to_url?.url : undefined;
      const result = challenge ? await authenticate(clientSecret, challenge) : { [name]: body };
      if (result.error || redirect !== "always" || !params.return_url) return result;
      const target = new URL(params.return_url, location.href);
      const prefix = collection.slice(0, -1);
      target.searchParams.set(prefix, id);
      target.searchParams.set(`${prefix}_client_secret`, clientSecret);
      target.searchParams.set("redirect_status", result[name].status);
      return leave(target.href);
    };
    /** The bank's page in a frame over this one, as Stripe shows it, until the intent waits for it no more. */
    const authenticate = async (clientSecret, url) => {
      const { name } = idOf(clientSecret);
      const cover = document.createElement("div");
      cover.style.cssText =
        "position:fixed;inset:0;z-index:9999;display:grid;place-items:center;padding:1rem;background:rgb(0 0 0 / 50%)";
      const frame = document.createElement("iframe");
      frame.title = "Your bank";
      frame.src = `${origin}${new URL(url).pathname}?framed=1`;
      frame.style.cssText = "width:min(32rem,100%);height:min(26rem,100%);border:0;border-radius:0.5rem";
      cover.append(frame);
      document.body.append(cover);
      frame.focus();
      try {
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          const result = await retrieve(clientSecret);
          const intent = result[name];
          if (result.error) return result;
          if (intent.status === "requires_payment_method")
            return { error: intent.last_payment_error ?? intent.last_setup_error };
          if (intent.status !== "requires_action") return result;
        }
      } finally {
        cover.remove();
      }
    };
    const leave = (url) => {
      location.assign(url);
      return new Promise(() => {});
    };
    const makeMethod = (card, billingDetails) =>
      call("POST", "payment_methods", { type: "card", card, billing_details: billingDetails });
    const createPaymentMethod = async ({ elements, card: element, billing_details: billing }) => {
      const { card, message } = (element ?? elements?.getElement("payment"))?.read() ?? {
        message: "There is no card form.",
      };
      if (!card) return { error: { type: "validation_error", message } };
      const body = await makeMethod(card, billing);
      return body.error ? { error: body.error } : { paymentMethod: body };
    };
    const confirmWithElements = async ({
      elements,
      clientSecret,
      confirmParams = {},
      redirect = "always",
    }) => {
      const { card, message } = elements?.getElement("payment")?.read() ?? {
        message: "There is no Payment Element.",
      };
      if (!confirmParams.payment_method && !card) return { error: { type: "validation_error", message } };
      const billing = confirmParams.payment_method_data?.billing_details;
      const made = confirmParams.payment_method
        ? { id: confirmParams.payment_method }
        : await makeMethod(card, billing);
      if (made.error) return { error: made.error };
      const params = { payment_method: made.id, return_url: confirmParams.return_url };
      return confirm(clientSecret ?? elements?.options.clientSecret, params, redirect);
    };
    const confirmWithMethod = async (
      clientSecret,
      { payment_method: method, return_url: returnUrl } = {},
    ) => {
      const element = typeof method === "object" ? method.card : undefined;
      const { card, message } = element?.read() ?? { card: null };
      if (element && !card) return { error: { type: "validation_error", message } };
      const made = element ? await makeMethod(card, method.billing_details) : { id: method };
      if (made.error) return { error: made.error };
      return confirm(clientSecret, { payment_method: made.id, return_url: returnUrl }, "if_required");
    };
    const createToken = async () => ({
      error: {
        type: "invalid_request_error",
        message: "The simulator's Stripe.js makes payment methods, not tokens.",
      },
    });

    return {
      elements: createElements,
      confirmSetup: confirmWithElements,
      confirmPayment: confirmWithElements,
      confirmCardSetup: confirmWithMethod,
      confirmCardPayment: confirmWithMethod,
      retrieveSetupIntent: retrieve,
      retrievePaymentIntent: retrieve,
      async handleNextAction({ clientSecret }) {
        const result = await retrieve(clientSecret);
        const intent = result.setupIntent ?? result.paymentIntent;
        const url =
          intent?.status === "requires_action" ? intent.next_action?.redirect_to_url?.url : undefined;
        return url ? authenticate(clientSecret, url) : result;
      },
      createToken,
      createPaymentMethod,
      registerAppInfo() {},
      _registerWrapper() {},
    };
  };

  window.Stripe = Object.assign(createStripe, { version: "endive" });
})();
