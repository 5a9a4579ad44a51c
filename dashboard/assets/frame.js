// The switches of the frame: kept in a cookie, so that the server draws the next page right from the start.
const YEAR = "path=/; max-age=31536000; samesite=lax";

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-cookie], button[data-theme-cookie]");
  if (!button) return;
  if (button.dataset.cookie) {
    document.cookie = `${button.dataset.cookie}; ${YEAR}`;
    location.reload();
    return;
  }
  const dark = !document.body.classList.contains("body--dark");
  Quasar.Dark.set(dark);
  document.cookie = `${button.dataset.themeCookie}=${dark ? "dark" : "light"}; ${YEAR}`;
});
