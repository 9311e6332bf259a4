// Asks for one path of a server that it has verified. Exits 0 if the answer is a success.
// usage: client.js CA CERT KEY HOST PORT PATH [VERSION [CRL]]
'use strict';

const fs = require('fs');
const https = require('https');

const TOTAL_MILLIS = 8000;
const [ca, cert, key, host, port, path, version, crl] = process.argv.slice(2);

function fail(why) {
  console.error(`client: ${why.trim()}`);
  process.exit(1);
}
setTimeout(fail, TOTAL_MILLIS, 'time limit').unref();

const options = {
  host,
  port,
  path,
  servername: host,
  agent: false,
  ca: fs.readFileSync(ca),
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
};
if (version) {
  options.minVersion = options.maxVersion = `TLSv${version}`;
}
if (crl) {
  // Of a text with several lists Node reads the first alone.
  options.crl = fs.readFileSync(crl, 'utf8').match(/-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----/g);
}

const request = https.get(options, (response) => {
  response.on('error', (err) => fail(err.message));
  response.on('end', () => {
    if (response.statusCode !== 200) {
      fail(`status ${response.statusCode}`);
    }
  });
  response.resume();
});
request.on('error', (err) => fail(err.message));
