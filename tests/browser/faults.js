() => {
  const faults = [];
  const canvas = document.createElement("p");
  canvas.style.background = "Canvas";
  document.body.append(canvas);
  const page = getComputedStyle(canvas).backgroundColor;
  canvas.remove();

  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((v) => {
      const part = v / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return page;
  };
  const written = (element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  for (const element of document.body.querySelectorAll("*")) {
    if (!written(element) || !element.getClientRects().length) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${element.textContent.trim()}`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]):not([hidden])")) {
    if (!field.labels.length) faults.push(`no label: ${field.name}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  if (new Set(ids).size < ids.length) faults.push("an id stands twice");
  for (const one of document.querySelectorAll("[aria-describedby]")) {
    for (const id of one.getAttribute("aria-describedby").split(" ")) {
      if (!ids.includes(id)) faults.push(`describes nothing: ${id}`);
    }
  }
  let level = document.querySelector("h1") ? 0 : 1;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) faults.push(`a level is left out: ${heading.textContent}`);
    level = next;
  }
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  if (!document.querySelector("meta[name=viewport]")) faults.push("no viewport");
  for (const a of document.querySelectorAll("a")) if (!a.textContent.trim()) faults.push("a link without words");
  return faults;
}
