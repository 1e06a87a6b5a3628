import CKernels

/// The heap of the process.
public enum FreedMemory {
    /// Gives freed memory back to the system, for a step that needs its own after one that needed much; takes milliseconds
    /// at most.
    public static func release() { vlm_release_freed_memory() }
}
