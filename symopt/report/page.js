"use strict";
// The buttons show only here: without scripts there is nothing that they could do.
for (const button of document.querySelectorAll(".code button")) {
  const code = button.parentElement.querySelector("pre");
  const label = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      copied = true;
    } catch { // no clipboard for pages from http: select, and copy what is selected
      getSelection().selectAllChildren(code);
      copied = document.execCommand("copy");
    }
    button.textContent = copied ? "Copied" : "Selected: press Ctrl-C";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
