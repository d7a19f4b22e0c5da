// Recovery codes: copied, kept as a file, or printed. Nothing of them is stored or sent anywhere.

const keep = document.getElementById("keep");
const text = [...document.querySelectorAll("#codes li")].map((item) => item.textContent.trim()).join("\n") + "\n";

const ways = {
  async copy(button) {
    await navigator.clipboard.writeText(text);
    button.textContent = button.dataset.done;
  },
  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = "recovery-codes.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  },
  print() {
    window.print();
  },
};

keep.hidden = false;
keep.addEventListener("click", (event) => ways[event.target.dataset.do]?.(event.target));
