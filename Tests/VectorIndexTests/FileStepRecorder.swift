import ByteFormats

/// Watches the steps that change files.
enum FileStepRecorder {
    static func observer(_ body: @Sendable @escaping () -> Void) -> FileStep.Observer {
        FileStep.Observer { _ in body() }
    }

    static func record(_ observer: FileStep.Observer, _ body: () throws -> Void) throws {
        try FileStep.$observer.withValue(observer) { try body() }
    }
}
