// What a shop's own code does with the published client, as promises that tests can wait for.
const client = new URLSearchParams(location.search).get("client");
const { default: mParticle } = await import(`/sdk/${client}/mparticle.esm.js`);

const report = (result) => {
  // the user that the callback is given knows what the answer said; the current one, what was stored
  const user = result.getUser ? result.getUser() : mParticle.Identity.getCurrentUser();
  return {
    httpCode: result.httpCode,
    body: result.body,
    mpid: user ? user.getMPID() : null,
    identities: user ? user.getUserIdentities().userIdentities : {},
    is_logged_in: Boolean(user && user.isLoggedIn()),
  };
};

window.shop = {
  begin: (key, config) =>
    new Promise((answered) => {
      mParticle.init(key, { ...config, identityCallback: (result) => answered(report(result)) });
    }),
  call: (method, userIdentities) =>
    new Promise((answered) => {
      const request = userIdentities ? { userIdentities } : undefined;
      mParticle.Identity[method](request, (result) => answered(report(result)));
    }),
  search: (key, identities) =>
    new Promise((answered) => {
      mParticle.Identity.search(key, identities, (result) => answered(result));
    }),
  alias: (request) =>
    new Promise((answered) => {
      mParticle.Identity.aliasUsers(request, (result) => answered(result));
    }),
  aliasBetween: (source, destination) =>
    mParticle.Identity.createAliasRequest(
      mParticle.Identity.getUser(source),
      mParticle.Identity.getUser(destination),
    ),
  log: (name) => mParticle.logEvent(name, mParticle.EventType.Other, { page: "hats" }),
  device: () => mParticle.getDeviceId(),
};
document.documentElement.dataset.ready = "yes";
