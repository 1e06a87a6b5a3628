import CKernels

/// The instruction sets that the kernels dispatch to on this machine.
public enum ProcessorFeatures {
    /// Names for people, such as `AVX2, F16C, AVX-512, VNNI`; `baseline` if there are none.
    public static var summary: String {
        let bits = vlm_cpu_features()
        let names: [(UInt32, String)] = [
            (UInt32(VLM_CPU_AVX2), "AVX2"), (UInt32(VLM_CPU_F16C), "F16C"),
            (UInt32(VLM_CPU_AVX512), "AVX-512"), (UInt32(VLM_CPU_AVX512_VNNI), "VNNI"),
            (UInt32(VLM_CPU_NEON), "NEON"),
        ]
        let present = names.filter { bits & $0.0 != 0 }.map(\.1)
        return present.isEmpty ? "baseline" : present.joined(separator: ", ")
    }
}
