// Keeps the regions marked data-live as they are now, in place: the hub says when something changed (/live), and the
// page asks for itself again. Where the hub does not say so, it asks every few seconds while it is seen.
// Pages are whole without this. Focus, unfolded details and scroll stay where they are.
(() => {
  "use strict";
  const POLL = 5000; // without the stream
  const AGES = 60000; // with it: times grow older though nothing changes
  const SETTLE = 4000; // a page may be three seconds old when it is made
  const SLOWEST = 60000;
  const versions = new Map();
  let source = null;
  let streaming = false;
  let wait = POLL;
  let timer = 0;
  let asking = false;

  const regions = () => document.querySelectorAll("[data-live]");

  function keepOpen(region, fresh) {
    const before = region.querySelectorAll("details");
    fresh.querySelectorAll("details").forEach((details, index) => {
      if (before[index]) details.open = before[index].open;
    });
  }

  // someone reads with the keyboard, selects text or fills in a field in the region: leave it alone
  function inUse(region) {
    const selection = document.getSelection();
    const selected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
    return selected || (document.activeElement !== document.body && region.contains(document.activeElement));
  }

  function replace(page) {
    for (const region of regions()) {
      const fresh = page.getElementById(region.id);
      if (!fresh || inUse(region)) continue;
      keepOpen(region, fresh);
      if (fresh.className !== region.className) region.className = fresh.className;
      if (fresh.innerHTML !== region.innerHTML) region.replaceChildren(...fresh.childNodes);
    }
  }

  async function refresh() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(location.href, {
        headers: { "X-Lienthong-Refresh": "1", Accept: "text/html" },
        credentials: "same-origin",
        signal: AbortSignal.timeout(10000),
      });
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
      document.documentElement.classList.add("refreshing");
      wait = POLL;
    } catch {
      // the hub does not answer: the dot goes out, and we ask less often
      document.documentElement.classList.remove("refreshing");
      wait = Math.min(SLOWEST, wait * 2);
    } finally {
      asking = false;
    }
    due(streaming && wait === POLL ? AGES : wait);
  }

  function due(milliseconds) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, milliseconds);
  }

  function changed(event) {
    const { region, version } = JSON.parse(event.data);
    const known = versions.get(region);
    versions.set(region, version);
    if (known === version) return;
    // the first word is how it stands: only what the page may have missed since it was made is asked for
    if (known === undefined) return due(SETTLE);
    refresh().then(() => due(SETTLE));
  }

  function listen() {
    if (document.hidden) {
      if (source) source.close();
      source = null;
      streaming = false;
      return clearTimeout(timer);
    }
    due(POLL);
    if (source || !window.EventSource) return;
    source = new EventSource("/live");
    source.addEventListener("open", () => { streaming = true; });
    source.addEventListener("changed", changed);
    source.addEventListener("error", () => { streaming = false; due(POLL); });
  }

  // menus close when something else is chosen, and with Escape
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll(".menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  if (document.querySelector("main [data-live]")) {
    document.documentElement.classList.add("refreshing");
    document.addEventListener("visibilitychange", listen);
    addEventListener("pagehide", () => source && source.close());
    listen();
  }
})();
