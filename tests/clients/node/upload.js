// Uploads batches with the published client for Node, one after the other, as a shop's backend would.
// Standard input: {basePath, key, secret, steps}; standard output: for each step what its callback was given.
const mParticle = require("mparticle");

function batchOf(step) {
  const batch = new mParticle.Batch(mParticle.Batch.Environment.production);
  if (step.identities) batch.user_identities = Object.assign(new mParticle.UserIdentities(), step.identities);
  if (step.device) batch.device_info = Object.assign(new mParticle.DeviceInformation(), step.device);
  if (step.mp_deviceid) batch.mp_deviceid = step.mp_deviceid;
  if (step.mpid) batch.mpid = step.mpid;
  if (step.source_request_id) batch.source_request_id = step.source_request_id;
  for (const name of step.events) {
    batch.addEvent(new mParticle.AppEvent(mParticle.AppEvent.CustomEventType.navigation, name));
  }
  return batch;
}

const told = (error, response) =>
  error
    ? { status: error.status ?? 0, body: error.response ? error.response.text : "", headers: error.response ? error.response.headers : {} }
    : { status: response.status, body: response.text, headers: response.headers };

const read = async () => {
  let text = "";
  for await (const piece of process.stdin) text += piece;
  return JSON.parse(text);
};

read().then(async ({ basePath, key, secret, steps }) => {
  const api = new mParticle.EventsApi(new mParticle.Configuration(key, secret));
  api.apiClient.basePath = basePath;
  const answers = [];
  for (const step of steps) {
    const upload = step.bulk ? "bulkUploadEvents" : "uploadEvents";
    const body = step.bulk ? step.bulk.map(batchOf) : batchOf(step);
    answers.push(
      await new Promise((answered) => api[upload](body, (error, _data, response) => answered(told(error, response)))),
    );
  }
  process.stdout.write(JSON.stringify(answers));
});
