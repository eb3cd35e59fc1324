// What pages do more comfortably with JavaScript; each of them works without it.

// A form marked data-drop takes a file dropped anywhere on the page into its file field, and sends it.
const form = document.querySelector("form[data-drop]");
if (form) {
  const field = form.querySelector("input[type=file]");
  const hold = (event) => { event.preventDefault(); form.dataset.over = event.type === "dragover"; };
  for (const name of ["dragover", "dragleave"]) document.addEventListener(name, hold);
  document.addEventListener("drop", (event) => {
    hold(event);
    if (event.dataTransfer.files.length === 0) return;
    field.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}

// A button marked data-copy copies that text and says so for a moment.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.textContent;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
