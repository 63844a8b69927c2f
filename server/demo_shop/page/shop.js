"use strict";
(() => {
  const TEXTS = {
    zh: {
      skip: "跳到商品", demoNote: "演示商店：商品、顾客和订单都是虚构的，不会产生任何交易。", navProducts: "商品", navService: "服务",
      heroTitle: "家里的好东西，用得安心", heroText: "一和精选数码、厨房与家居好物。下单之后的每一步，客服都在。", ask: "问问客服", browse: "看看商品",
      productsTitle: "本周精选", serviceTitle: "买完以后", s1Title: "七天无理由退货", s1: "不合适就退，流程一句话就能问清。", s2Title: "订单随时可查", s2: "登录后直接问「我的订单到哪了」。", s3Title: "随时转人工", s3: "助理答不好的，真人接着聊，不用再说一遍。",
      footer: "一和是 Yiti 自带的演示商店。", signIn: "演示登录", signOut: "退出", signInTitle: "以谁的身份试用？", signInText: "这是演示：选一位虚构的顾客即可登录，无需密码。真实网站请用自己的登录系统签发令牌。", cancel: "继续以访客身份浏览",
      language: "English", askAbout: "咨询", hello: (name) => `已登录为 ${name}`, bye: "已退出登录", failed: "登录没有成功，请再试一次。", currency: "¥",
    },
    en: {
      skip: "Skip to products", demoNote: "Demo shop: its goods, customers and orders are made up; nothing can be bought here.", navProducts: "Products", navService: "Service",
      heroTitle: "Good things for home, looked after", heroText: "Yihe picks electronics, kitchen and home goods, and stays with you after the order.", ask: "Ask us", browse: "See the products",
      productsTitle: "This week's choice", serviceTitle: "After you buy", s1Title: "Seven days to return", s1: "If it does not suit you, send it back. One question tells you how.", s2Title: "Orders at a glance", s2: "Sign in and just ask “where is my order?”", s3Title: "A person at any time", s3: "What the assistant cannot answer, a person takes over, without asking you again.",
      footer: "Yihe is the demo shop that comes with Yiti.", signIn: "Demo sign-in", signOut: "Sign out", signInTitle: "Whom would you like to be?", signInText: "This is a demo: choose a made-up customer, no password needed. On a real site, your own sign-in signs the token.", cancel: "Stay a guest",
      language: "中文", askAbout: "Ask about it", hello: (name) => `Signed in as ${name}`, bye: "Signed out", failed: "Signing in did not work; please try again.", currency: "¥",
    },
  };
  const TIERS = { zh: { vip: "VIP", gold: "金卡", normal: "普通" }, en: { vip: "VIP", gold: "Gold", normal: "Member" } };
  const SHAPES = {
    headphones: [["path", { d: "M22 66V52a28 28 0 0 1 56 0v14", fill: "none", "stroke-width": 7 }], ["rect", { x: 15, y: 58, width: 17, height: 27, rx: 8 }], ["rect", { x: 68, y: 58, width: 17, height: 27, rx: 8 }]],
    robot: [["circle", { cx: 50, cy: 54, r: 32 }], ["circle", { cx: 50, cy: 54, r: 21, class: "light" }], ["circle", { cx: 50, cy: 44, r: 6 }]],
    coffee: [["path", { d: "M24 20h52v16H24zM32 36h14v46H24V36z" }], ["rect", { x: 22, y: 76, width: 56, height: 9, rx: 3 }], ["path", { d: "M54 54h20v10a10 10 0 0 1-20 0z", class: "light" }], ["rect", { x: 60, y: 36, width: 8, height: 12 }]],
    lamp: [["path", { d: "M34 84h32", "stroke-width": 7, fill: "none" }], ["path", { d: "M50 84 34 50l22-18", fill: "none", "stroke-width": 6 }], ["path", { d: "m48 22 28 22-14 10-22-20z" }], ["circle", { cx: 66, cy: 54, r: 7, class: "light" }]],
    air: [["rect", { x: 28, y: 16, width: 44, height: 70, rx: 12 }], ["path", { d: "M37 30h26M37 38h26M37 46h26", class: "line" }], ["circle", { cx: 50, cy: 68, r: 8, class: "light" }]],
    keyboard: [["rect", { x: 10, y: 32, width: 80, height: 40, rx: 8 }], ["path", { d: "M19 43h62M19 52h62M33 62h34", class: "line", "stroke-dasharray": "6 4" }]],
    watch: [["path", { d: "M38 12h24l3 20H35zM35 68h30l-3 20H38z" }], ["rect", { x: 26, y: 28, width: 48, height: 44, rx: 13 }], ["rect", { x: 34, y: 36, width: 32, height: 28, rx: 6, class: "light" }]],
    pillow: [["path", { d: "M14 36c8-10 64-10 72 0 6 8 6 28 0 34-8 8-64 8-72 0-6-6-6-26 0-34z" }], ["path", { d: "M28 54c10 6 34 6 44 0", class: "line" }]],
  };

  const $ = (id) => document.getElementById(id);
  let language = stored("language") ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
  let user = null;

  function stored(key) {
    try { return sessionStorage.getItem(`demo.${key}`); } catch { return null; }
  }
  function store(key, value) {
    try {
      if (value === null) sessionStorage.removeItem(`demo.${key}`);
      else sessionStorage.setItem(`demo.${key}`, value);
    } catch { /* the page works without a memory */ }
  }

  function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    Object.assign(made, properties);
    made.append(...children);
    return made;
  }

  function picture(shape) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 100 100");
    svg.setAttribute("aria-hidden", "true");
    for (const [name, attributes] of SHAPES[shape]) {
      const part = document.createElementNS(space, name);
      for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
      svg.append(part);
    }
    return svg;
  }

  function drawProducts() {
    $("grid").replaceChildren(...window.DEMO_PRODUCTS.map((product) => {
      const ask = element("button", { type: "button", className: "quiet", textContent: TEXTS[language].askAbout });
      ask.setAttribute("aria-label", `${TEXTS[language].askAbout}: ${product[language]}`);
      ask.addEventListener("click", openChat);
      const price = new Intl.NumberFormat("zh-CN").format(product.price);
      return element("li", { className: "product" },
        element("div", { className: `picture ${product.tone}` }, picture(product.shape)),
        element("h3", { textContent: product[language] }),
        element("p", { textContent: product[`${language}Note`] }),
        element("div", { className: "buy" }, element("strong", { textContent: `${TEXTS[language].currency}${price}` }), ask));
    }));
  }

  function draw() {
    const texts = TEXTS[language];
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const place of document.querySelectorAll("[data-text]")) place.textContent = texts[place.dataset.text];
    $("language").textContent = texts.language;
    $("language").lang = language === "zh" ? "en" : "zh-CN";
    $("account").textContent = user === null ? texts.signIn : `${user.name} · ${texts.signOut}`;
    drawProducts();
    window.Yiti?.speak(language);
  }

  function openChat() {
    window.Yiti?.open();
  }

  async function showCustomers() {
    const answer = await fetch("/demo/customers");
    const { customers } = await answer.json();
    $("customers").replaceChildren(...customers.map((customer) => {
      const tier = TIERS[language][customer.tier] ?? customer.tier ?? "";
      const spoken = customer.language === "zh" ? "中文" : "English";
      const choose = element("button", { type: "button", className: "customer" },
        element("span", { className: "avatar", textContent: Array.from(customer.name)[0] }),
        element("span", {}, element("strong", { textContent: customer.name }), element("small", { textContent: [tier, spoken, customer.id].filter(Boolean).join(" · ") })));
      choose.addEventListener("click", () => void signIn(customer.id));
      return element("li", {}, choose);
    }));
    $("sign-in-error").hidden = true;
    $("sign-in").showModal();
  }

  async function fetchToken(customerId) {
    const answer = await fetch("/demo/sign-in", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ customer_id: customerId }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async function signIn(customerId, isSilent = false) {
    try {
      const { user_jwt: token, customer } = await fetchToken(customerId);
      user = customer;
      store("customer", customer.id);
      window.Yiti?.identify(token);
      if ($("sign-in").open) $("sign-in").close();
      if (!isSilent) $("announce").textContent = TEXTS[language].hello(customer.name);
      draw();
    } catch {
      store("customer", null);
      $("sign-in-error").textContent = TEXTS[language].failed;
      $("sign-in-error").hidden = false;
    }
  }

  function signOut() {
    user = null;
    store("customer", null);
    window.Yiti?.identify(null);
    $("announce").textContent = TEXTS[language].bye;
    draw();
  }

  function joinWidget() {
    window.Yiti.on("user_token_wanted", () => { if (user !== null) void signIn(user.id, true); });
    window.Yiti.speak(language);
    const last = stored("customer");
    if (last !== null) void signIn(last, true);
  }

  $("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    store("language", language);
    draw();
  });
  $("account").addEventListener("click", () => { if (user === null) void showCustomers(); else signOut(); });
  $("stay-guest").addEventListener("click", () => $("sign-in").close());
  for (const button of document.querySelectorAll("[data-open-chat]")) button.addEventListener("click", openChat);
  draw();
  if (window.Yiti) joinWidget();
  else window.addEventListener("yiti:loaded", joinWidget, { once: true });
})();
