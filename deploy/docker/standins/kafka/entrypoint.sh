# Turns KAFKA_A_B into server.properties' a.b, as the official image does; formats new storage, becomes the broker.
set -eu
properties=/tmp/server.properties
: "${KAFKA_LOG_DIRS:=/var/lib/kafka/data}"
export KAFKA_LOG_DIRS
env | grep '^KAFKA_' | while IFS='=' read -r name value; do
    echo "$(echo "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')=$value"
done >"$properties"
java=(java -XX:+UseSerialGC -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted -t "${CLUSTER_ID:-TGF1cmVsS2Fma2FLUmFmdA}" -c "$properties"
exec "${java[@]}" -Xmx512m kafka.Kafka "$properties"
