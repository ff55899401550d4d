(function () {
  "use strict";
  var tip = document.getElementById("tip");
  document.querySelectorAll("svg.viz rect > title").forEach(function (t) {
    t.parentNode.setAttribute("data-tip", t.textContent);
    t.remove();
  });
  document.querySelectorAll("svg.viz").forEach(function (svg) {
    svg.addEventListener("mousemove", function (e) {
      var text = e.target.getAttribute && e.target.getAttribute("data-tip");
      tip.hidden = !text;
      if (!text) { return; }
      tip.textContent = text;
      tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
      tip.style.top = (e.clientY + 18 + tip.offsetHeight > innerHeight ? e.clientY - tip.offsetHeight - 10 : e.clientY + 18) + "px";
    });
    svg.addEventListener("mouseleave", function () { tip.hidden = true; });
  });
})();
