(image, video, orientation, keep_sound, prompt, resolution, kept) => {
  // What a reload brings back; addresses of links stay out, they may carry somebody's key.
  const version = ({ ref, repairs, span, picture, corrections }) => ({ ref, repairs, span, picture, corrections });
  const input = (value) => value?.ref ? { ref: value.ref, current: version(value.current || {}), past: (value.past || []).map(version) } : null;
  return image?.ref || video?.ref ? { image: input(image), video: input(video), orientation, keep_sound, prompt, resolution } : kept;
}
