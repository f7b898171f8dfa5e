# The liveness probe of NATS: sh is-alive.sh MONITOR_PORT VOLUME. It fails if only a restart repairs the server.
#
# After a failed write, for example because the disk was full, NATS stores nothing until it is restarted, even when the
# disk has room again. Only the full /healthz says so. In a cluster of servers it then says "JetStream not enabled".
# The probe does not fail while the disk is full: a restart would not help, could damage the streams, and Kubernetes
# would wait longer before each further restart.
#
# Other errors are no reason for a restart, because it repairs none of them: a damaged stream, a stream that catches up,
# other servers of the cluster that are away.

answer=$(printf 'GET /healthz HTTP/1.0\r\n\r\n' | nc 127.0.0.1 "$1")
case $answer in
*"write error"* | *"JetStream not enabled"*)
  if head -c 1048576 /dev/zero > "$2/room-for-1-mib"; then status=1; else status=0; fi
  rm -f "$2/room-for-1-mib"
  echo "NATS stores nothing, and has room: $answer" # shown only if the probe fails
  exit "$status"
  ;;
*'"status"'*) exit 0 ;;
*)
  echo "NATS does not answer: $answer"
  exit 1
  ;;
esac
