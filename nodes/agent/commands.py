"""What each command does; each returns its exit code."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import ssl
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np

from nodes.agent import config, durable, encode, identity, inventory, render, sources
from nodes.agent.client import Answer, Controller, Unreachable, read_credential
from nodes.agent.clock import format_time
from nodes.agent.config import ConfigError, Settings
from nodes.agent.jobstore import UNREADABLE, load, read
from nodes.agent.loops import Program
from nodes.agent.upload import Refused, TrackUpload

EXIT_OK, EXIT_USAGE, EXIT_REFUSED = 0, 64, 69
DRAIN_POLL_SECONDS = 0.5
CHECK_SECONDS = 1.0


def load_settings(flags: dict) -> Settings:
    """Configuration, completed by what enrolment noted. Raises ConfigError, SourceError."""
    given = flags.get("interface")
    if given:
        flags["interface"] = [_test_signal() if text == "test" else text for text in given]
    settings = config.load(flags)
    for interface in settings.interfaces:
        inventory.declared(interface)
    try:
        noted = durable.read_json(settings.data_dir / "enrolment.json") or {}
    except (ValueError, OSError):
        noted = {}
    return replace(
        settings,
        url=settings.url or str(noted.get("url") or ""),
        node=settings.node or str(noted.get("node") or ""),
    )


def _test_signal() -> str:
    return json.dumps({"source": sources.DEFAULT_TEST_SIGNAL, "alias": sources.DEFAULT_TEST_ALIAS, "channels": 2})


async def run(settings: Settings) -> int:
    settings.require_controller()
    if not read_credential(settings.credential_path):
        raise ConfigError(f"no credential in {settings.data_dir}; enrol first")
    return await Program(settings).run()


async def enrol(settings: Settings, flags: dict) -> int:
    """Token from stdin → one heartbeat → credential. A refused token replaces nothing.

    Where an agent runs on this folder already, it speaks for the node and only takes the new credential: a heartbeat of another process would
    take its place, and the controller would refuse it from then on.
    """
    settings.require_controller()
    durable.make_private(settings.data_dir)
    if flags.get("ca_sha256"):
        settings = replace(settings, ca_file=_pinned_ca(settings, flags["ca_sha256"]))
    token = sys.stdin.readline().strip()
    if not token.startswith("tr_node_"):
        print("a node credential (tr_node_…) is expected on stdin", file=sys.stderr)
        return EXIT_USAGE
    running = identity.holder(settings.data_dir)
    controller = Controller(settings, token)
    try:
        answer = await (_first_heartbeat(controller, settings) if running is None else controller.config(None))
    except Unreachable as error:
        print(f"the controller cannot be reached: {error}", file=sys.stderr)
        return EXIT_REFUSED
    finally:
        await controller.close()
    if not answer.ok:
        print(f"refused: {answer.status} {answer.code}", file=sys.stderr)
        return EXIT_REFUSED
    identity.write_credential(settings.credential_path, token)
    durable.write_json(settings.data_dir / "enrolment.json", {"url": settings.url, "node": settings.node})
    if running is not None and not _told(running):
        print("the agent that runs here could not be told of its new credential: restart it", file=sys.stderr)
        return EXIT_REFUSED
    print(f"enrolled as {settings.node}")
    return EXIT_OK


def _told(process: int) -> bool:
    """Whether the running agent was asked to read its credential again."""
    if not process:
        return False
    try:
        os.kill(process, signal.SIGHUP)
    except OSError:
        return False
    return True


async def _first_heartbeat(controller: Controller, settings: Settings) -> Answer:
    return await controller.heartbeat(
        {
            "agentInstanceId": identity.instance_id(settings.data_dir),
            "processId": durable.uuid7(),
            "seq": 0,
            "sentAt": format_time(time.time()),
            "agentVersion": inventory.AGENT_VERSION,
            "status": "starting",
            "activeJobs": [],
            "freeSlots": 0,
        }
    )


def _pinned_ca(settings: Settings, pin: str) -> Path:
    """Fetch /ca.pem over an unchecked connection: the pin is what is trusted, not the channel.

    The pin is the SHA-256 of the file, or of the certificate in it.
    """
    try:
        with httpx.Client(verify=False, timeout=settings.timing.connect_seconds) as client:  # noqa: S501
            response = client.get(settings.url + "/ca.pem").raise_for_status()
        pem = response.text
        digests = {
            hashlib.sha256(response.content).hexdigest(),
            hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest(),
        }
    except (httpx.HTTPError, ValueError) as error:
        raise ConfigError(f"/ca.pem: {error}") from error
    if pin.lower().replace(":", "") not in digests:
        raise ConfigError("the controller's certificate authority does not match --ca-sha256")
    path = settings.data_dir / "ca.pem"
    durable.write_bytes(path, response.content, mode=0o600)
    return path


def check(settings: Settings, flags: dict) -> int:
    """Say what works; 0 only if everything does."""
    problems = 0

    def say(good: bool, what: str) -> None:
        nonlocal problems
        problems += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}")

    free = inventory.disk(durable.make_private(settings.data_dir))
    say(free["probeError"] is None, f"data folder {settings.data_dir}, {free['freeBytes']} B free")
    token = read_credential(settings.credential_path)
    say(bool(token), "credential")
    try:
        settings.require_controller()
        status = asyncio.run(_ask_config(settings, token))
        say(status == 200, f"controller {settings.url} answers {status}")
    except (ConfigError, Unreachable) as error:
        say(False, f"controller: {error}")
    for device in inventory.devices(settings):
        error = _try_source(device)
        say(error is None, f"{device.system_name} ({device.system_ref}): {error or 'samples come'}")
    return EXIT_OK if not problems else EXIT_REFUSED


async def _ask_config(settings: Settings, token: str) -> int:
    controller = Controller(settings, token)
    try:
        return (await controller.config(None)).status
    finally:
        await controller.close()


def _try_source(device: inventory.Device) -> str | None:
    """A second of samples; None if they came."""
    spec = sources.Spec(device.kind, device.ref, device.sample_rates[0], device.sample_format, device.channel_count)
    stopping = threading.Event()
    try:
        stream = sources.open_stream(spec, stopping)
    except sources.SourceError as error:
        return str(error)
    frames = 0
    try:
        for block in stream.blocks():
            frames += len(block)
            if frames >= spec.sample_rate * CHECK_SECONDS:
                return None
    except sources.SourceError as error:
        return str(error)
    finally:
        stopping.set()
        stream.close()
    return "no samples"


def devices(settings: Settings, flags: dict) -> int:
    for device in inventory.devices(settings):
        rates = "/".join(str(rate) for rate in device.sample_rates)
        print(f"{device.system_ref}\t{device.channel_count} ch\t{rates} Hz\t{device.system_name}")
    return EXIT_OK


def _job_entries(settings: Settings) -> list[dict]:
    entries = []
    for place in ("jobs", "quarantine"):
        root = settings.data_dir / place
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            try:
                state = durable.read_json(folder / "state.json") or {}
            except ValueError:
                state = {}
            rate = state.get("sampleRate") or 1
            entries.append(
                {
                    "jobId": state.get("jobId", folder.name),
                    "phase": state.get("phase", "unreadable"),
                    "quarantined": place == "quarantine",
                    "seconds": round(state.get("framesCaptured", 0) / rate, 1),
                    "tracks": len(state.get("tracks", [])),
                    "gaps": len(state.get("gaps", [])),
                }
            )
    return entries


def jobs(settings: Settings, flags: dict) -> int:
    entries = _job_entries(settings)
    if flags.get("json"):
        print(json.dumps(entries, indent=1))
        return EXIT_OK
    for entry in entries:
        place = " quarantine" if entry["quarantined"] else ""
        print(f"{entry['jobId']}\t{entry['phase']}{place}\t{entry['seconds']} s\t{entry['tracks']} tracks\t{entry['gaps']} gaps")
    return EXIT_OK


def status(settings: Settings, flags: dict) -> int:
    outbox = settings.data_dir / "outbox"
    facts = {
        "running": settings.data_dir.is_dir() and identity.holder(settings.data_dir) is not None,
        "draining": (settings.data_dir / "drain").exists(),
        "url": settings.url,
        "node": settings.node,
        "enrolled": bool(read_credential(settings.credential_path)),
        "outbox": len(list(outbox.glob("*.json"))) if outbox.is_dir() else 0,
        "jobs": len(_job_entries(settings)),
        "freeBytes": inventory.disk(settings.data_dir)["freeBytes"],
    }
    if flags.get("json"):
        print(json.dumps(facts, indent=1))
    else:
        print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    return EXIT_OK


def drain(settings: Settings, flags: dict) -> int:
    """A flag file that the running agent obeys; waits until no job is left."""
    flag = durable.make_private(settings.data_dir) / "drain"
    if flags.get("off"):
        flag.unlink(missing_ok=True)
        return EXIT_OK
    flag.touch()
    while not flags.get("no_wait") and any(not entry["quarantined"] and entry["phase"] != "done" for entry in _job_entries(settings)):
        time.sleep(DRAIN_POLL_SECONDS)
    return EXIT_OK


def record(settings: Settings, flags: dict) -> int:
    """Straight from source to file; Ctrl-C keeps what there is."""
    kind, ref = sources.parse(flags["source"])
    codec = _codec_of(flags["out"])
    spec = sources.Spec(kind, ref, flags["rate"], flags["format"], flags["channels"])
    stream = sources.open_stream(spec, threading.Event())
    left = round(flags["seconds"] * spec.sample_rate)
    encoder = None
    try:
        for block in stream.blocks():
            if encoder is None:
                encoder = encode.open_encoder(
                    Path(flags["out"]),
                    codec=codec,
                    output={},
                    sample_rate=spec.sample_rate,
                    channels=block.shape[1],
                    source=spec.sample_format,
                )
            encoder.write(np.ascontiguousarray(block[:left]))
            left -= len(block)
            if left <= 0:
                break
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    finally:
        stream.close()
        if encoder is not None:
            encoder.finish()
    return EXIT_OK if encoder is not None else EXIT_REFUSED


def _codec_of(name: str) -> str:
    extension = Path(name).suffix.lstrip(".").lower()
    codec = {"ogg": "opus"}.get(extension, extension)
    if codec not in encode.EXTENSIONS:
        raise ConfigError(f"{name!r}: wav, flac, mp3, opus or ogg")
    return codec


def _find_job(settings: Settings, job_id: str) -> Path:
    for place in ("jobs", "quarantine"):
        root = settings.data_dir / place
        for folder in root.iterdir() if root.is_dir() else ():
            if folder.name == job_id:
                return folder
    raise ConfigError(f"there is no job {job_id!r} in {settings.data_dir}")


def export(settings: Settings, flags: dict) -> int:
    """A copy for a person; nothing of the job is changed. Needs the agent not to be running."""
    codec, out = _codec_of(flags["out"]), Path(flags["out"])
    with identity.lock(settings.data_dir):
        job, _ = load(_find_job(settings, flags["job"]))
        if job is None:
            raise ConfigError("this job cannot be read")
        if job.segments:
            render.export(job, out, codec)
            return EXIT_OK
        rendered = [job.render_folder / track.path for track in job.tracks if track.path]
        rendered = [path for path in rendered if path.exists()]
        if not rendered:
            print("nothing is left of this job here", file=sys.stderr)
            return EXIT_REFUSED
        shutil.copyfile(rendered[0], out.with_suffix(rendered[0].suffix))
    return EXIT_OK


async def upload(settings: Settings, flags: dict) -> int:
    """Offer the files of a job (a quarantined one, say) again; they stay where they are."""
    settings.require_controller()
    try:
        job = read(_find_job(settings, flags["job"]))
    except UNREADABLE:
        job = None
    if job is None:
        raise ConfigError("this job cannot be read")
    controller = Controller(settings, read_credential(settings.credential_path))

    async def announce() -> None:
        """The file speaks for itself: the controller probes it."""

    try:
        for track in job.tracks:
            if track.path and (job.render_folder / track.path).exists():
                await TrackUpload(controller, job, track, settings.timing, announce=announce).run()
                print(f"track {track.index}: {track.sha256}")
    except Refused as error:
        print(f"refused: {error}", file=sys.stderr)
        return EXIT_REFUSED
    finally:
        await controller.close()
    return EXIT_OK
