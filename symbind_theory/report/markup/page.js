(async () => {
  "use strict";
  const unpacked = (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream();
    return new Response(stream.pipeThrough(new DecompressionStream("gzip")));
  };
  const json = (id) => JSON.parse(document.getElementById(id).textContent);

  // Without this script, the links save the compressed files.
  for (const link of document.querySelectorAll("a[data-name]")) {
    const content = await unpacked(link.href.split(",")[1]).blob();
    link.href = URL.createObjectURL(content);
    link.download = link.dataset.name;
  }

  const source = document.getElementById("plotly-source");
  const library = document.createElement("script");
  library.text = await unpacked(source.textContent).text();
  document.head.append(library);

  const settings = {
    responsive: true,
    // Where nothing hovers it would always lie over the chart.
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    displaylogo: false,
    showSendToCloud: false,
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]],
    toImageButtonOptions: { format: "svg" },
  };
  const templates = json("plotly-templates");
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => root.dataset.theme ?? (prefersDark.matches ? "dark" : "light");
  const other = () => (theme() === "dark" ? "light" : "dark");

  const button = document.getElementById("theme");
  const draw = async (mode = theme()) => {
    button.textContent = other() === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Change to ${other()} colours`);
    for (const element of document.querySelectorAll("[data-figure]")) {
      const { data, layout } = json(element.dataset.figure);
      const styled = { ...layout, template: templates[mode] };
      await Plotly.react(element, data, styled, settings);
    }
    root.dataset.drawn = mode;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = other();
    draw();
  });
  prefersDark.addEventListener("change", () => draw());
  addEventListener("beforeprint", () => draw("light"));
  addEventListener("afterprint", () => draw());
  await draw();
})().catch((error) => {
  console.error(error);
  for (const element of document.querySelectorAll(".plot")) {
    element.textContent = "This browser could not draw the chart; the table below has its values.";
    element.style.height = "auto";
  }
});
