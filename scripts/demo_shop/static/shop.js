// The shop: what any shop would write around the published client, which is used as it comes from npm.
import mParticle from "/sdk/mparticle.esm.js";
import { showGraph } from "./graph.js";

const PEOPLE = {
  ada: { customerid: "C-1001", email: "ada@example.com" },
  ben: { customerid: "C-1002", email: "ben@example.com" },
};
const at = (id) => document.getElementById(id);
const form = at("sign-in");
const settings = await (await fetch("settings.json")).json();
const graph = showGraph(settings.strategy);

function show(call, result) {
  const user = mParticle.Identity.getCurrentUser();
  const mpid = user ? user.getMPID() : null;
  const signedIn = Boolean(user && user.isLoggedIn());
  const { email } = user ? user.getUserIdentities().userIdentities : {};
  at("mpid").textContent = mpid ?? "none yet";
  at("state").textContent = signedIn ? "signed in" : "anonymous";
  at("greeting").textContent = email ? `Hello, ${email}.` : "Hello, visitor.";
  at("last-call").textContent = `${call}: ${result.httpCode === -3 ? "remembered, nobody was asked" : result.httpCode}`;
  graph.current(mpid);
}

function call(method, request) {
  mParticle.Identity[method](request, (result) => show(method, result));
}

mParticle.init(settings.key, {
  identityUrl: `${settings.service}/v1/`,
  aliasUrl: `${settings.service}/v1/identity/`,
  v1SecureServiceUrl: `${settings.service}/v1/JS/`,
  v2SecureServiceUrl: `${settings.service}/v2/JS/`,
  v3SecureServiceUrl: `${settings.service}/v3/JS/`,
  workspaceToken: "shop",
  // the service of this demo speaks plain http, as this page does
  forceHttps: false,
  requestConfig: false,
  flags: { eventsV3: "100", eventBatchingIntervalMillis: "0" },
  identityCallback: (result) => show("identify", result),
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  call("login", { userIdentities: Object.fromEntries(new FormData(form)) });
});
at("logout").addEventListener("click", () => call("logout"));
at("forget").addEventListener("click", () => {
  localStorage.clear();
  sessionStorage.clear();
  location.reload();
});
for (const button of document.querySelectorAll("[data-person]")) {
  button.addEventListener("click", () => {
    for (const [name, value] of Object.entries(PEOPLE[button.dataset.person])) form.elements[name].value = value;
  });
}
for (const hat of document.querySelectorAll("[data-hat]")) {
  hat.addEventListener("click", () => {
    mParticle.logEvent("Looked at a hat", mParticle.EventType.Navigation, { hat: hat.dataset.hat });
    at("last-call").textContent = `event: looked at a ${hat.dataset.hat}`;
  });
}
