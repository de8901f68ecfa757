"use strict";
// Every page: its data, a way to make elements, the button that changes the theme.

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

/** An element with attributes (`class`, `aria-label`, `onclick`, ...) and children, which are elements or text. */
function make(tag, attributes = {}, ...children) {
  return dressed(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
function draw(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

{
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const label = () => {
    $("theme").textContent = isDark() ? "☀ light" : "☾ dark";
    $("theme").setAttribute("aria-label", `change to the ${isDark() ? "light" : "dark"} theme`);
  };
  $("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    root.style.colorScheme = root.dataset.theme;
    label();
    document.dispatchEvent(new Event("theme"));
  });
  prefersDark.addEventListener("change", label);
  label();
}
