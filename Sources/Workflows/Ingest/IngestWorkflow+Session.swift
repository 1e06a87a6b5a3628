import PipelineEngine
import Reports
import Shards

extension IngestWorkflow {
    /// Runs an ingest for a command: with progress and a run record, and with the report turned into the command's result.
    ///
    /// - Throws: as the form with a catalog; and `WorkflowError`: `interrupted` after a requested stop, `badData` when more
    ///   is bad than allowed, `inputOutput` when files could not be read. What could be done is done first.
    public static func run(_ options: IngestOptions, in session: Session) async throws -> IngestReport {
        var options = options
        if options.sources.contains("-") {
            let path = try StandardInput.keep(.standardInput, in: session.workspace.path + "/streams")
            session.note("standard input is kept as \(path)")
            options.sources = options.sources.map { $0 == "-" ? path : $0 }
        }
        let folder = try RunFolder.create(inRunsDirectory: session.workspace.runsDirectory, command: "ingest")
        var recorder = RunRecorder(
            folder: folder, command: "ingest",
            settings: [
                "sources": options.sources.joined(separator: " "), "dataset": options.dataset,
                "rows": options.settings.text,
            ], threads: session.pool.threadCount)
        let progress = session.progress(title: "ingest", unit: "samples")
        let report: IngestReport
        do {
            report = try await run(
                options, workspace: session.workspace, pool: session.pool, progress: progress, stop: session.stop)
            progress.finish()
        } catch {
            progress.finish()
            try recorder.finish(outcome: "failed")
            throw error
        }
        recorder.record.counts = [
            "found": report.accounting.foundCount, "samples": report.accounting.sampleCount,
            "quarantined": report.accounting.quarantinedCount, "examined": report.examinedCount,
            "ignored": report.ignoredCount, "failures": report.failureCount,
        ]
        recorder.record.stages = [.init(name: "ingest", seconds: report.seconds, items: report.examinedCount)]
        try recorder.finish(outcome: report.isInterrupted ? "interrupted" : "finished")

        for failure in report.failures { session.note("not read: \(TerminalText.sanitized("\(failure)"))") }
        if report.isInterrupted {
            throw WorkflowError(
                .interrupted, "stopped; the same command goes on where it was. So far: \(report.summary)")
        }
        if report.isPastBadShare {
            let share = (report.accounting.quarantinedShare * 1000).rounded() / 10
            throw WorkflowError(
                .badData,
                "\(share) % of what was found is bad; 'vlmpipe dataset quarantine' says why, --max-bad allows more. "
                    + report.summary)
        }
        // A vanished shard is noticed, marked and said; only what could not be read makes the command fail.
        let vanishedCount = report.failures.count { $0.code == .fileMissing }
        if report.failureCount > vanishedCount {
            throw WorkflowError(
                .inputOutput,
                "files or folders that could not be read: \(report.failureCount - vanishedCount) (listed above). "
                    + "Run the same command again when they can be. \(report.summary)")
        }
        return report
    }
}

extension IngestReport {
    /// Lines for people.
    public var summary: String {
        let grouped = ProgressReporter.grouped
        var text =
            "\(dataset): found \(grouped(accounting.foundCount)) = \(grouped(accounting.sampleCount)) samples + "
            + "\(grouped(accounting.quarantinedCount)) quarantined"
        if examinedCount > 0 {
            text +=
                "; read \(grouped(examinedCount)) (\(ByteText.text(Int(examinedByteCount)))) in "
                + "\(ProgressReporter.duration(seconds)), \(ProgressReporter.rate(examinedPerSecond))/s"
        }
        let outcomes = ShardOutcome.allCases.compactMap { outcome in
            shards[outcome].map { "\($0) \(outcome.rawValue)" }
        }
        text += "\nshards: " + (outcomes.isEmpty ? "none" : outcomes.joined(separator: ", "))
        let changes = FileOutcome.allCases.compactMap { outcome in
            files[outcome].flatMap { $0 > 0 ? "\(grouped($0)) \(outcome.rawValue)" : nil }
        }
        if !changes.isEmpty { text += "\nfiles: " + changes.joined(separator: ", ") }
        if collisionCount > 0 { text += "; \(grouped(collisionCount)) keys keep their extension, another has the same" }
        text += passedOver
        for note in notes { text += "\n" + TerminalText.sanitized(note) }
        if !quarantinedByReason.isEmpty {
            let reasons = quarantinedByReason.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            text += "\nquarantined: " + reasons.map { "\($0.key) \(grouped($0.value))" }.joined(separator: ", ")
            text += "; 'vlmpipe dataset quarantine' lists them"
            if let count = quarantinedByReason[SampleExamination.code(.codecMissing)] {
                text +=
                    "\nHEIC or AVIF images for which Debian's package libheif1 is missing: \(grouped(count)); "
                    + "install it, then run 'vlmpipe dataset quarantine --retry' and this command again"
            }
        }
        return text
    }

    /// Lines about what was left alone, and why.
    private var passedOver: String {
        let grouped = ProgressReporter.grouped
        var parts = ignoredFiles.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
            "\(grouped($0.value)) \(TerminalText.sanitized($0.key))"
        }
        for (count, what) in [
            (ignoredMemberCount, "members of tars"), (tally.specialCount, "pipes, devices and broken links"),
            (tally.hiddenCount, "hidden"), (tally.appleDoubleCount, "'._' files of macOS"),
            (tally.excludedCount, "excluded"), (tally.repeatedLinkCount, "links to folders that are walked anyway"),
        ] where count > 0 {
            parts.append("\(grouped(count)) \(what)")
        }
        var text = parts.isEmpty ? "" : "\nleft alone: " + parts.joined(separator: ", ")
        if tally.loopCount > 0 {
            let more = tally.loopCount > tally.loops.count ? " …" : ""
            text +=
                "\nnot followed: \(grouped(tally.loopCount)) links to a folder they lie in: "
                + tally.loops.map(TerminalText.sanitized).joined(separator: ", ") + more
        }
        if rawCount > 0 {
            text +=
                "\nraw files of cameras, which are not read: \(grouped(rawCount)); write JPEG beside them, for example with "
                + "dcraw_emu from Debian's package libraw-bin"
        }
        if sequentialShardCount > 0 {
            text +=
                "\ncompressed or streamed shards: \(grouped(sequentialShardCount)); their images can only be reached "
                + "through all that lies before them, which makes embedding and extraction slower"
        }
        return text
    }
}
