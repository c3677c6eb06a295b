# For the rotation job alone: writes the secret, and its own state beside it.
# Put your KV mount for "secret" and the environment for "sandbox".
path "secret/data/dinie/sandbox" {
  capabilities = ["read", "update"]
}

path "secret/data/dinie/sandbox-rotation" {
  capabilities = ["create", "read", "update"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
