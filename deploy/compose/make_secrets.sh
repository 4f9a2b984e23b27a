#!/bin/sh
# Make the passwords and keys of compose.yaml's services in the folder $1, at the first start only. Whoever loses this folder loses
# access to the database and the bucket, and learners without an account lose their conversations: keep a copy of it.
set -eu
umask 077
folder=$1

# The operator's own settings, such as a provider's key: deploy/compose/settings.env.
if [ -f /own/settings.env ]; then cat /own/settings.env; fi > "$folder/settings.env.new"
chown 10001 "$folder/settings.env.new"
mv "$folder/settings.env.new" "$folder/settings.env"

[ -f "$folder/server.env" ] && exit 0

secret() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
database=$(secret) key=$(secret)
printf %s "$database" > "$folder/postgresql"
cat > "$folder/s3.json" <<END
{"identities": [{"name": "talking-agent", "credentials": [{"accessKey": "talking-agent", "secretKey": "$key"}],
  "actions": ["Read:talking-agent", "List:talking-agent", "Tagging:talking-agent", "Write:talking-agent"]}]}
END
cat > "$folder/server.env.new" <<END
SECRET_KEY=$(secret)
USE_CLOUD_STORAGE=true
DATABASE_URL=postgresql://talking_agent:$database@postgresql:5432/talking_agent
REDIS_URL=redis://valkey:6379/0
S3_BUCKET_NAME=talking-agent
AWS_S3_ENDPOINT_URL=http://s3:8333
AWS_ACCESS_KEY_ID=talking-agent
AWS_SECRET_ACCESS_KEY=$key
METRICS_TOKEN=$(secret)
END
# The servers run as 10001. The others start as root.
chown 10001 "$folder" "$folder/server.env.new"
mv "$folder/server.env.new" "$folder/server.env"
