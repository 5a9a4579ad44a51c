// The switches of the frame: kept in a cookie, so that the server draws the next page right from the start.
const YEAR = "path=/; max-age=31536000; samesite=lax";

// for a person who is logged in, so that they find it at every browser
async function remember(name, value) {
  if (!document.querySelector(".gt-person")) return;
  const body = new URLSearchParams({ [name.replace("gutteil_", "")]: value });
  await fetch("/api/me/taste", { method: "POST", headers: { "X-Gutteil": "1" }, body, keepalive: true }).catch(() => {});
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-cookie], button[data-theme-cookie], button[data-logout]");
  if (!button) return;
  if ("logout" in button.dataset) {
    fetch("/api/session/end", { method: "POST", headers: { "X-Gutteil": "1" } }).then(() => location.assign("/"));
    return;
  }
  if (button.dataset.cookie) {
    document.cookie = `${button.dataset.cookie}; ${YEAR}`;
    const [name, value] = button.dataset.cookie.split("=");
    remember(name, value).finally(() => location.reload());
    return;
  }
  const dark = !document.body.classList.contains("body--dark");
  Quasar.Dark.set(dark);
  remember(button.dataset.themeCookie, dark ? "dark" : "light");
  document.cookie = `${button.dataset.themeCookie}=${dark ? "dark" : "light"}; ${YEAR}`;
});
