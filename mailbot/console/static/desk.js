// Keys of the console; every one of them only follows a link or focuses a field that Tab reaches too.
// j, k: next and previous row; Enter: open it; r, n: to the form of a reply, of a note; ?: help.
"use strict";
(function () {
  function typing(element) {
    return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
  }

  function step(by) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("[data-row]"));
    var at = rows.indexOf(document.activeElement);
    var next = rows[at === -1 ? (by > 0 ? 0 : rows.length - 1) : at + by];
    if (next) { next.focus(); }
  }

  function go(name) {
    var target = document.querySelector('[data-key="' + name + '"]');
    if (!target) { return false; }
    var box = target.closest("details");
    if (box) { box.open = true; }
    if (target.tagName === "A") { target.click(); } else { target.focus(); target.scrollIntoView({ block: "center" }); }
    return true;
  }

  function help() {
    var keys = document.getElementById("keys");
    if (keys) { keys.open = !keys.open; keys.querySelector("summary").focus(); }
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) { return; }
    if (event.key === "j") { step(1); } else if (event.key === "k") { step(-1); } else if (event.key === "?") { help(); } else if (!/^[rn]$/.test(event.key) || !go(event.key)) { return; }
    event.preventDefault();
  });

  // A list that is fetched anew keeps the focus on the row it was on.
  var focused = null;
  document.addEventListener("htmx:beforeSwap", function () {
    var row = document.activeElement && document.activeElement.closest("[data-row]");
    focused = row && row.id;
  });
  document.addEventListener("htmx:afterSwap", function () {
    var row = focused && document.getElementById(focused);
    if (row) { row.focus({ preventScroll: true }); }
    focused = null;
    tell();
  });

  // A draft that could not be kept must not look as if it were.
  function lost(event) {
    var told = event.detail.target;
    if (told && told.getAttribute && told.getAttribute("data-failed")) { told.textContent = told.getAttribute("data-failed"); told.classList.add("warn"); }
  }
  document.addEventListener("htmx:responseError", lost);
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:beforeSwap", function (event) { event.detail.target.classList.remove("warn"); });

  // How many there are is said aloud when it has changed, and only then.
  function tell() {
    var list = document.querySelector("[data-told]"), told = document.getElementById("told");
    if (list && told && told.textContent !== list.getAttribute("data-told")) { told.textContent = list.getAttribute("data-told"); }
  }
  tell();
})();
