// Refreshes the regions marked data-live in place, every few seconds while the page is seen.
// Pages are whole without it. Focus, unfolded details and scroll stay where they are.
(() => {
  "use strict";
  const EVERY = 5000;
  const SLOWEST = 60000;
  let wait = EVERY;
  let timer = 0;

  const regions = () => document.querySelectorAll("[data-live]");

  function keepOpen(region, fresh) {
    const before = region.querySelectorAll("details");
    fresh.querySelectorAll("details").forEach((details, index) => {
      if (before[index] && before[index].open) details.open = true;
    });
  }

  // someone reads with the keyboard, selects text or holds the pointer down in the region: leave it alone
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
      wait = EVERY;
    } catch {
      // the hub does not answer: the dot goes out, and we ask less often
      document.documentElement.classList.remove("refreshing");
      wait = Math.min(SLOWEST, wait * 2);
    }
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, wait);
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

  if (regions().length) {
    document.documentElement.classList.add("refreshing");
    document.addEventListener("visibilitychange", schedule);
    schedule();
  }
})();
