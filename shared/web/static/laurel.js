// What pages do more comfortably with JavaScript; each of them works without it.

// A form marked data-drop takes a file dropped anywhere on the page into its file field, and sends it. A file of more
// bytes than its data-max is not sent: the server would cut the connection. data-too-large says so.
const form = document.querySelector("form[data-drop]");
if (form) {
  const field = form.querySelector("input[type=file]");
  const hold = (event) => { event.preventDefault(); form.dataset.over = event.type === "dragover"; };
  const weigh = () => {
    const tooLarge = field.files.length > 0 && field.files[0].size > Number(form.dataset.max || Infinity);
    field.setCustomValidity(tooLarge ? form.dataset.tooLarge : "");
  };
  field.addEventListener("change", weigh);
  for (const name of ["dragover", "dragleave"]) document.addEventListener(name, hold);
  document.addEventListener("drop", (event) => {
    hold(event);
    if (event.dataTransfer.files.length === 0) return;
    field.files = event.dataTransfer.files;
    weigh();
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
