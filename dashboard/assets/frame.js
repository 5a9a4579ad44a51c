// The switches of the frame: kept in a cookie, so that the server draws the next page right from the start.
const YEAR = "path=/; max-age=31536000; samesite=lax";

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-cookie], button[data-theme-cookie], button[data-logout]");
  if (!button) return;
  if ("logout" in button.dataset) {
    fetch("/api/session/end", { method: "POST", headers: { "X-Gutteil": "1" } }).then(() => location.assign("/"));
    return;
  }
  if (button.dataset.cookie) {
    document.cookie = `${button.dataset.cookie}; ${YEAR}`;
    location.reload();
    return;
  }
  const dark = !document.body.classList.contains("body--dark");
  Quasar.Dark.set(dark);
  document.cookie = `${button.dataset.themeCookie}=${dark ? "dark" : "light"}; ${YEAR}`;
});
