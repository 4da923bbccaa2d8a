/*
 * What runs in each container as its first process: the shell of the image, with the few words below. It needs nothing
 * that is not built into a POSIX shell. The kernel appends the command's output to files of ours, so no daemon and no
 * server has to be there for a line to be kept; what becomes of the task is told by files as well.
 */

/** Where our files are inside a container. */
export const ownFolder = '/.nabla'

/**
 * Files of a task's state, in a folder that it shares with us; all are made before it starts, so that telling needs no
 * room on the disk: a file that was emptied is a yes, and its time of change is when.
 */
export const marks = {
  /** The Python environment is being made. */
  environment: 'environment',
  /** The command runs. */
  run: 'run',
  /** The first process came to its end by itself; how many were killed for want of memory follows. */
  done: 'done',
  /** It was told to end: by us, or by a daemon that is being stopped. */
  term: 'term',
  /** The environment could not be made. */
  failed: 'failed',
} as const

/** Made by us when the task is to stop, before it is told so: it may have begun to listen only after that. */
export const stopFile = 'stop'

/** Made by us when the task has its way to the server: until then its command is not begun. */
export const reachFile = 'reach'

/** A server that has gone since is waited for so often, and no longer. */
const mostWaits = 500

const script = `
state=${ownFolder}/state requirements=$1 waits=$2
shift 2
exec </dev/null >/dev/null 2>&1
umask 022
stopping= code=0
trap 'stopping=1 caught=1; : >"$state/term"; kill -TERM -1' TERM

# A signal cuts a wait short, whose answer is then the signal's. Asked again, the shell tells the status that it kept, or
# 127 where it had told it already.
await() {
  code=
  while :; do
    caught=
    wait "$child"
    status=$?
    [ "$status" = 127 ] && [ -n "$code" ] && return
    code=$status
    [ -z "$caught" ] && return
  done
}

# A shell ends at once when it is told to. What it leaves, such as a program that saves its work, has until we are killed.
rest() {
  while [ -n "$stopping" ] && kill -0 -1; do
    caught=
    sleep 0.05 || [ -n "$caught" ] || return
  done
}

end() {
  : >"$state/done"
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$file" ] && while read -r name count; do
      [ "$name" = oom_kill ] && echo "$count" >"$state/done"
    done <"$file"
  done
  exit "$1"
}

[ -e "$state/stop" ] && end 143
if [ -n "$requirements" ] && [ -f "$requirements" ]; then
  : >"$state/environment"
  python3 -m pip install --no-input -r "$requirements" >>${ownFolder}/system 2>&1 &
  child=$!
  await
  [ -n "$stopping" ] && end 143
  if [ "$code" != 0 ]; then
    : >"$state/failed"
    end 1
  fi
  {
    python3 -c 'import platform; print("python==" + platform.python_version())'
    python3 -m pip list --format=freeze --disable-pip-version-check
  } >${ownFolder}/packages 2>/dev/null
fi
# Without a sleep that knows fractions, it goes on without waiting.
while [ "$waits" -gt 0 ] && [ -z "$stopping" ] && [ ! -e "$state/${reachFile}" ] && sleep 0.02; do waits=$((waits - 1)); done
: >"$state/run"
if env --default-signal=INT,QUIT true; then set -- env --default-signal=INT,QUIT "$@"; fi
"$@" >>${ownFolder}/stdout 2>>${ownFolder}/stderr &
child=$!
[ -n "$stopping" ] && kill -TERM -1
await
rest
end "$code"
`

/**
 * The program of a container and its arguments. `requirements`: absolute path inside it, or empty. `waits`: for its way to
 * the server.
 */
export function initProgram(requirements: string, waits: boolean, command: readonly string[]): string[] {
  return ['/bin/sh', '-c', script, 'nabla', requirements, String(waits ? mostWaits : 0), ...command]
}
