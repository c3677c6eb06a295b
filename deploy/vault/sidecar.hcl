# For every sidecar: reads the secret of its environment, and nothing else.
# Put your KV mount for "secret" and the environment for "sandbox".
path "secret/data/dinie/sandbox" {
  capabilities = ["read"]
}

# Looks for a new version without reading the secret each time.
path "secret/metadata/dinie/sandbox" {
  capabilities = ["read"]
}

# Every token may do these to itself by Vault's default policy; said here for those
# who do without it.
path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
