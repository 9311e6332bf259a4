package adapter

import (
	"cmp"
	"reflect"
)

// described are the keys whose description is too long for a tag, by type and field.
var described = map[string]string{
	"Adapter.Change": "with like: words of the other's files, command, entrypoint, env and stdin, and by what each is " +
		"replaced: nothing if empty, and of a list several words, if several lines",
	"Remedy.Change": "words of files, command, entrypoint, env and stdin, and by what each is replaced, as in change",
	"Adapter.Authentication": "the lines that turn on mutual authentication, to the letter, of files, command, " +
		"entrypoint or env, or of the files that the image is built of",
	"Adapter.Adjusted": "the other lines, likewise, by which it differs from what is shipped; not those of its own " +
		"certificate, its address, the message and what one case asks for",
	"Adapter.Command": "in place of the image's; of a client, all of what is run for each message; templates, and a " +
		"word that they leave empty is left out",
	"Adapter.Worker": "of a client that starts slowly: a program that stays up in place of entrypoint, and carries out " +
		"the command again and again, as Bazel's persistent workers do in JSON",
	"Adapter.Ready": "of a server: how it shows that it is ready; by default the port accepts a connection",
	"Adapter.Speaks": "what is said over the connection: line, http, http-twice, postgres, smtp, redis, mqtt, grpc, " +
		"git, imap, ldap, mysql, nats or syslog",
	"Adapter.Refused": "what answer of a server, over TLS, is a refusal; each protocol has its default",
	"Adapter.Hangup": "of a client: standard input is closed once its output matches this regular expression; at " +
		"once if empty; template",
	"Adapter.Identity": "of a server: where in a certificate it looks for who a client is: uri, dns, email, cn or " +
		"dn, the whole subject; uri if empty",
	"Adapter.Open": "of a server that speaks http: it serves a second host, {{.Open}}, to anybody, whose answer does " +
		"not show delivery",
	"Adapter.Parallel": "how many connections, or runs of a client, it takes at once; as many as the lab makes if 0",
	"Material.Owner":   "user or user:group, by name or number; the user that the image runs as if empty",
	"Material.Files": "name of each file that the peer needs, in dir or as an absolute path; ca, cert and key if " +
		"none is given",
	"Delivered.Status": "of a server that speaks http: the status is one of these; 200 to 299 if none is given",
	"Refused.Status": "of a server that speaks http: the status is one of these; 400, 401, 403, 421, 495 and 496 if " +
		"none is given",
}

// DescriptionOf is what the schema and the reference page say of a field of an adapter.
func DescriptionOf(t reflect.Type, field reflect.StructField) string {
	return cmp.Or(field.Tag.Get("jsonschema"), described[t.Name()+"."+field.Name])
}
